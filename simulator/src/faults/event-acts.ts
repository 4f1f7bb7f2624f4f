import { Type } from 'typebox';
import { EVERY_ACCOUNT, type SimulatorOrg } from '../org/org.ts';
import { OTHER_OBJECTS, otherChange } from '../org/other-objects.ts';
import type { EventBody } from '../pubsub/change-event.ts';
import { faultAct } from './fault-act.ts';
import { writeHugeAccount } from './huge-account.ts';
import { closed } from './parameters.ts';

/** Events that nobody's change in the org caused, and unusual changes. */
export function eventActs(org: SimulatorOrg, now: () => number) {
  return {
    publishGap: faultAct(
      'A gap event without a change in the org. Without record ids it names every account.',
      Type.Object(
        {
          changeType: Type.Enum(['GAP_CREATE', 'GAP_UPDATE', 'GAP_DELETE', 'GAP_UNDELETE', 'GAP_OVERFLOW']),
          recordIds: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
        },
        closed,
      ),
      ({ changeType, recordIds = [EVERY_ACCOUNT] }) => {
        org.publishGap(changeType, changeType === 'GAP_OVERFLOW' ? ['000000000000000AAA'] : recordIds);
        return { changeType };
      },
    ),
    publishOther: faultAct(
      'A change of a contact, an opportunity or a lead: heard on its own topic and on the channels.',
      Type.Object(
        {
          object: Type.Enum([...OTHER_OBJECTS]),
          changeType: Type.Optional(Type.Enum(['CREATE', 'UPDATE', 'DELETE', 'UNDELETE'])),
          recordId: Type.Optional(Type.String({ minLength: 18, maxLength: 18 })),
        },
        closed,
      ),
      ({ object, changeType = 'CREATE', recordId = org.others.nextId(object) }) => {
        const time = BigInt(Math.floor(now() / 1000) * 1000);
        const userId = org.named.admin.id;
        const values: EventBody = { OwnerId: userId, LastModifiedDate: time, LastModifiedById: userId };
        const event = otherChange(object, changeType, recordId, values);
        org.publish([{ entity: org.others.entities[object], event }], userId);
        return { recordId };
      },
    ),
    huge: faultAct(
      'An account with so many characters of text in long text fields, which the org gets if need be.',
      Type.Object({ characters: Type.Optional(Type.Integer({ minimum: 1000, maximum: 1_040_000 })) }, closed),
      ({ characters = 1_000_000 }) => ({ recordId: writeHugeAccount(org, characters) }),
    ),
  };
}
