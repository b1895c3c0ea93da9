// Who is asked, and how long that may take. A wrong agent is found out before the server has a
// proof of payment.
import type { Agent } from '../wasm.js';
import type { Given, Option } from './command.js';
import type { Connection } from './connect.js';
import { Refusal } from './exit.js';
import { inShort } from './output.js';
import { MOST_SECONDS, uuid, whole } from './values.js';

/** The longest time for the server's list of agents. */
const LIST_MS = 10_000;
/** How many agents an error names. */
const MOST_NAMED = 20;

export const AGENT_OPTIONS: readonly Option[] = [
  { name: 'agent', value: '<id>', help: "the agent to ask (default: the server's first)" },
  { name: 'timeout', value: '<seconds>', help: "how long the agent may take (default: the server's 30)" },
];

/** The agent and its time, as members of a request. */
export function agent(given: Given): { agentId?: string; timeoutMs?: number } {
  const [agentId, seconds] = [uuid(given, 'agent'), whole(given, 'timeout', 1, MOST_SECONDS)];
  return { ...(agentId && { agentId }), ...(seconds && { timeoutMs: seconds * 1000 }) };
}

/**
 * Looks for the agent in the server's list. A server without a list is believed to have it.
 *
 * @throws {Refusal} when the list does not have it.
 */
export async function checkAgent({ client }: Connection, id: string | undefined, signal: AbortSignal): Promise<void> {
  if (id === undefined) return;
  let agents: Agent[];
  try {
    agents = await client.listAgents({ signal, timeoutMs: LIST_MS });
  } catch {
    // The request for the job says what is wrong, an interruption included.
    return;
  }
  if (agents.length === 0 || agents.some((agent) => agent.id.toLowerCase() === id.toLowerCase())) return;
  const named = agents.slice(0, MOST_NAMED).map(({ id, name }) => `  ${inShort(id, 60)}  ${inShort(name, 60)}`);
  const left = agents.length - named.length;
  throw new Refusal('unknown_agent', `the server has no agent ${id}`, [
    'Nothing was paid.',
    'It has:',
    ...named,
    ...(left > 0 ? [`  and ${left} more`] : []),
  ]);
}
