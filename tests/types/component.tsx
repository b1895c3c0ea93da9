// A component with the hook, in strict TypeScript; what must not compile is marked.
import { ArgumentError, JobsClient, type CompletedJob, type FundsMoved } from 'eliza-jobs';
import { useJob, type JobPhase, type JobState, type JobView } from 'eliza-jobs/react';
import { useEffect, useMemo } from 'react';

export function Ask({ baseUrl, name }: { baseUrl: string; name: string | undefined }) {
  const client = useMemo(() => new JobsClient({ baseUrl }), [baseUrl]);
  const view: JobView = useJob(client, { key: name });
  const { ask, resume, cancel, reset, status, isBusy, question, answer, job, quote, payment, error } = view;
  useEffect(() => {
    const text: Promise<string> = ask('Hello?', { agentId: 'a', timeoutMs: 5 });
    void text;
    // @ts-expect-error a misspelt option
    void ask('Hello?', { agentid: 'a' });
    // @ts-expect-error calls of the hook have no signal: cancel() ends them
    void ask('Hello?', { signal: null });
  }, [ask]);
  if (status === 'answered') {
    const whole: CompletedJob = job;
    return <p title={whole.jobId}>{answer.toUpperCase() + question.length}</p>;
  }
  if (status === 'failed') {
    const moved: FundsMoved = error.fundsMoved;
    const place = error instanceof ArgumentError ? error.field : error.jobId;
    return <button onClick={() => resume({ transaction: '0x' })}>{`${error.code} ${String(moved)} ${place ?? ''}`}</button>;
  }
  // @ts-expect-error there is no answer yet
  const none: string = answer;
  return (
    <form onSubmit={() => ask('Hello?')} onReset={reset}>
      <button onClick={cancel} disabled={isBusy}>
        {quote?.amount} {payment?.currency} {none}
      </button>
    </form>
  );
}

const words: Record<JobPhase, string> = {
  ...{ idle: '', asking: '', confirming: '', paying: '', waiting: '', answered: '', failed: '', stopped: '' },
};
export const word = (state: JobState) => words[state.status];
// @ts-expect-error an event is no question
export const onClick: (event: { type: string }) => void = ({} as JobView).ask;
