import { createListener, type Listener } from '../kit/listener.ts'
import { type Hosts, openOn } from './hosts.ts'
import { pooledSettings } from './session-settings.ts'

export function createDatabaseListener(hosts: Hosts, answerMilliseconds: number): Listener {
  return createListener({
    answerMilliseconds,
    open({ onNotify, onLost }) {
      const connection = openOn(hosts, {
        prepare: false,
        connectMilliseconds: answerMilliseconds,
        parameters: pooledSettings,
        wireTypes: { parsers: {}, serializers: {} },
        onNotify,
        onLost,
      })
      return {
        ask: (text) => connection.send({ text, params: [], prepare: false, asValues: false }).answer,
        isLost: connection.isLost,
        destroy: connection.destroy,
      }
    },
  })
}
