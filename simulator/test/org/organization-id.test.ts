import { describe, expect, it } from 'vitest';
import { startSimulator } from '../../src/simulator.ts';
import { textAt, useSimulator } from '../http/open-simulator.ts';
import { connectPubSub } from '../pubsub/pubsub-client.ts';

const organizationId = '00DTM000000000z';

describe('a refreshed org', () => {
  const handle = useSimulator({ organizationId });

  it('a refreshed org uses its new id everywhere', async () => {
    const { bus, instanceUrl, organizationId: id, pubsubEndpoint, sessions } = handle.simulator;
    expect(id).toMatch(/^00DTM000000000z[A-Z0-5]{3}$/);
    const token = sessions.issue();
    expect(token.startsWith(`${organizationId}!`)).toBe(true);
    const headers = { authorization: `Bearer ${token}` };
    const user = await handle.send('GET', '/services/oauth2/userinfo', undefined, headers);
    expect(user.body).toMatchObject({ organization_id: id, sub: expect.stringContaining(`/id/${id}/`) });
    expect(textAt(await handle.send('GET', '/simulator'), 'organizationId')).toBe(id);
    const connect = (tenantid: string) =>
      connectPubSub({
        port: Number(pubsubEndpoint.split(':')[1]),
        headers: { accesstoken: token, instanceurl: instanceUrl, tenantid },
      });
    const [client, stranger] = [connect(id), connect('00DTM00000000012AA')];
    expect(await client.getTopic('/data/AccountChangeEvent')).toMatchObject({ tenantGuid: id });
    await expect(stranger.getTopic('/data/AccountChangeEvent')).rejects.toMatchObject({ code: 16 });
    client.close();
    stranger.close();
    expect(bus.retained()).toEqual([]);
  });

  it.each(['001TM00000100000', 'nonsense'])(
    'the simulator does not start with the organization id %s',
    async (wrong) => {
      await expect(startSimulator({ organizationId: wrong })).rejects.toThrow('organizationId');
    },
  );
});
