import type { OrgContext } from '../context.ts';
import { runLoop } from '../run-loop.ts';
import { readSelectedEvents } from '../salesforce/channel-members.ts';
import type { Org } from '../salesforce/org.ts';

const checkIntervalMs = 15 * 60_000;

/** Checks periodically whether the channel of the topic has the needed objects selected, and reports if it has not. */
export async function watchTopic(
  { org, topic, faults, timing, logger }: OrgContext,
  signal: AbortSignal,
): Promise<void> {
  let reported: SelectionProblem | undefined;
  await runLoop({
    step: async () => {
      const problem = await findProblem(org, topic);
      if (problem !== undefined && problem !== reported) {
        const { code, action } = problem;
        logger.warn(
          { topic, code, setting: 'CDC_TOPIC', action },
          'an object is not selected for the channel',
        );
      }
      if (problem === undefined) faults.clear('topic');
      else faults.set('topic', problem);
      if (reported !== undefined && problem === undefined) {
        logger.info({ topic }, 'all needed objects are selected for the channel');
      }
      reported = problem;
      return { pauseMs: problem === undefined ? checkIntervalMs : timing.codeFieldCheckIntervalMs };
    },
    pollMs: checkIntervalMs,
    onFailure: (error) => logger.debug({ err: error, topic }, 'channel check failed'),
    signal,
  });
  faults.clear('topic');
}

async function findProblem(
  { connection, describe }: Pick<Org, 'connection' | 'describe'>,
  topic: string,
): Promise<SelectionProblem | undefined> {
  const selected = await readSelectedEvents(connection, topic);
  if (selected === null) return undefined;
  if (!selected.has('AccountChangeEvent')) return accountNotSelected;
  if (selected.has('ContactChangeEvent')) return undefined;
  const hasPersonAccounts = (await describe()).some(({ name }) => name === 'IsPersonAccount');
  return hasPersonAccounts ? contactNotSelected : undefined;
}

const accountNotSelected = {
  code: 'topic-without-account',
  message: 'Account is not selected for the channel of CDC_TOPIC.',
  action:
    'Select Account for this channel (Setup → Change Data Capture, or a PlatformEventChannelMember of a custom channel), or set CDC_TOPIC to a channel that has it.',
  needsPerson: true,
};

const contactNotSelected = {
  code: 'topic-without-contact',
  message:
    'The org has person accounts, and Contact is not selected for the channel of CDC_TOPIC: events may lack changes of person fields.',
  action:
    'Select Contact in addition to Account (Setup → Change Data Capture, or a PlatformEventChannelMember of a custom channel).',
  needsPerson: true,
};

type SelectionProblem = typeof accountNotSelected;
