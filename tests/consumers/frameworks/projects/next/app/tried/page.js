// A server component.
import { ask } from '../../../ask.js';

export const dynamic = 'force-dynamic';
export default async function Page({ searchParams }) {
  const { server, question } = await searchParams;
  return <p>said({await ask(server, question)})</p>;
}
