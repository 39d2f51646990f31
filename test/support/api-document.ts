import type { AdminMethod } from './admin-client.ts'
import type { TestService } from './test-service.ts'

/** The parts of JSON Schema that the document uses. */
export type Schema = {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  allOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  maxItems?: number
  example?: unknown
}

type ApiParameter = { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema?: Schema }

export type ApiOperation = {
  readonly name: string
  readonly method: AdminMethod
  /** With `{parameters}`; in the admin API it starts with `/v1`. */
  readonly path: string
  readonly operationId: string
  readonly parameters: readonly ApiParameter[]
  /** Schema of the JSON body, with its reference resolved. */
  readonly body: Schema | undefined
  /** Schema of the form, with its reference resolved. */
  readonly form: Schema | undefined
}

export type ApiDocument = {
  /** Operations of the admin API. */
  readonly operations: readonly ApiOperation[]
  /** All other operations of the service. */
  readonly others: readonly ApiOperation[]
  resolve(schema: Schema | undefined): Schema | undefined
}

type Written = {
  operationId?: string
  parameters?: ApiParameter[]
  requestBody?: { content?: Record<string, { schema?: Schema }> }
}

/** The service's OpenAPI document. Tests that walk it cover every new route. */
export async function readApiDocument(service: Pick<TestService, 'request'>): Promise<ApiDocument> {
  const document: { paths: Record<string, Record<string, Written>>; components: { schemas: Record<string, Schema> } } =
    await (await service.request('/openapi.json')).json()
  const resolve = (schema: Schema | undefined): Schema | undefined =>
    schema?.$ref === undefined ? schema : resolve(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''])
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, written]): ApiOperation => {
      const { operationId = '', parameters = [], requestBody } = written
      const body = resolve(requestBody?.content?.['application/json']?.schema)
      const form = resolve(requestBody?.content?.['application/x-www-form-urlencoded']?.schema)
      const name = `${method.toUpperCase()} ${path}`
      return { name, method: asMethod(method), path, operationId, parameters, body, form }
    }),
  )
  const isAdmin = ({ path }: ApiOperation) => path.startsWith('/v1/')
  return { operations: all.filter(isAdmin), others: all.filter((operation) => !isAdmin(operation)), resolve }
}

function asMethod(method: string): AdminMethod {
  const upper = method.toUpperCase()
  for (const known of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const) if (known === upper) return known
  throw new Error(`the document names the method ${method}`)
}
