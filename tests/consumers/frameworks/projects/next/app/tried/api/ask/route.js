import { ask } from '../../../../../ask.js';

export async function GET(request) {
  const { searchParams } = new URL(request.url);
  return new Response(await ask(searchParams.get('server'), searchParams.get('question')));
}
