import type { OrgContext } from '../context.ts';
import { runLoop } from '../run-loop.ts';
import { selectsAccount } from '../salesforce/channel-members.ts';

const checkIntervalMs = 15 * 60_000;

/** Checks periodically whether the channel of the topic has Account selected, and reports if it has not. */
export async function watchTopic(
  { org, topic, faults, timing, logger }: OrgContext,
  signal: AbortSignal,
): Promise<void> {
  let isMissing = false;
  await runLoop({
    step: async () => {
      const isSelected = await selectsAccount(org.connection, topic);
      if (isSelected === false && !isMissing) {
        const { code, action } = accountNotSelected;
        logger.warn({ topic, code, setting: 'CDC_TOPIC', action }, 'Account is not selected for the channel');
      }
      if (isSelected === false) faults.set('topic', accountNotSelected);
      else faults.clear('topic');
      if (isMissing && isSelected !== false) logger.info({ topic }, 'Account is selected for the channel');
      isMissing = isSelected === false;
      return { pauseMs: isMissing ? timing.codeFieldCheckIntervalMs : checkIntervalMs };
    },
    pollMs: checkIntervalMs,
    onFailure: (error) => logger.debug({ err: error, topic }, 'channel check failed'),
    signal,
  });
  faults.clear('topic');
}

const accountNotSelected = {
  code: 'topic-without-account',
  message: 'Account is not selected for the channel of CDC_TOPIC.',
  action:
    'Select Account for this channel (Setup → Change Data Capture, or a PlatformEventChannelMember of a custom channel), or set CDC_TOPIC to a channel that has it.',
  needsPerson: true,
};
