import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from 'jsforce';
import type { Logger } from 'pino';
import type { ProcessFaults } from '../health/process-faults.ts';
import { selectsAccount } from '../salesforce/channel-members.ts';

export type TopicWatchContext = {
  readonly org: { readonly connection: Connection };
  readonly topic: string;
  readonly faults: ProcessFaults;
  readonly logger: Logger;
};

const checkIntervalMs = 15 * 60_000;

/** Reports a topic that is known not to carry changes of Account, at the start and from then on. */
export async function watchTopic(
  { org, topic, faults, logger }: TopicWatchContext,
  signal: AbortSignal,
  retryMs: number,
): Promise<void> {
  let isMissing = false;
  while (!signal.aborted) {
    const isSelected = await selectsAccount(org.connection, topic);
    if (isSelected === false && !isMissing) {
      const { code, message, action } = accountNotSelected;
      logger.warn({ topic, code, setting: 'CDC_TOPIC', action }, message);
    }
    if (isSelected === false) faults.set('topic', accountNotSelected);
    else faults.clear('topic');
    if (isMissing && isSelected !== false) logger.info({ topic }, 'the topic carries changes of Account');
    isMissing = isSelected === false;
    await pause(isMissing ? retryMs : checkIntervalMs, undefined, { signal, ref: false }).catch(() => {});
  }
  faults.clear('topic');
}

const accountNotSelected = {
  code: 'topic-without-account',
  message: 'Account is not selected for the channel of CDC_TOPIC.',
  action:
    'Select Account for this channel (Setup → Change Data Capture, or a PlatformEventChannelMember of a custom channel), or set CDC_TOPIC to a channel that has it.',
  needsPerson: true,
};
