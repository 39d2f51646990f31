// Starts Swagger UI. Requests go to the origin that served this page: the page's policy allows no other, and the public
// address of the service may differ. They carry what the reader typed and no stored credentials.

const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()

const here = new URL('.', location.href).href.replace(/[/]$/, '')
const adapted = (update) => (description) => {
  for (const operation of Object.values(description.paths).flatMap((item) => Object.values(item))) {
    operation.parameters?.forEach(sayExample)
    leaveFormEmpty(operation.requestBody?.content['application/x-www-form-urlencoded']?.schema, description)
  }
  update({ ...description, servers: [{ url: here }] })
}

// Swagger UI would send the example of an optional parameter that the reader left alone. Say it in the text instead.
function sayExample(parameter) {
  if (parameter.required || parameter.schema.example === undefined) return
  parameter.description = [parameter.description, `such as ${parameter.schema.example}`].filter(Boolean).join('; ')
  delete parameter.schema.example
}

// The same for the members of a form: they start empty.
function leaveFormEmpty(schema, description) {
  const { properties = {} } = description.components.schemas[schema?.$ref?.split('/').at(-1)] ?? schema ?? {}
  for (const property of Object.values(properties)) {
    property.example = property.type === 'array' ? [] : ''
    delete property.items?.format // Swagger UI has no field for a list of URIs, and warns about it on the console.
  }
}

SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
  plugins: [{ statePlugins: { spec: { wrapActions: { updateJsonSpec: adapted } } } }],
  requestInterceptor(request) {
    if (request.loadSpec) return request
    // An empty member means the same as an absent one (RFC 6749 §3.2).
    const isForm = request.headers['Content-Type'] === 'application/x-www-form-urlencoded'
    const body = isForm ? request.body?.replace(/(^|&)[^=&]+=(?=&|$)/g, '').replace(/^&/, '') : request.body
    return Object.assign(request, { body, credentials: 'omit' })
  },
})
