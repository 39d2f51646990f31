/** The page of `GET /docs`. Addresses are relative, so that it works behind a prefix too. Without JavaScript it says where to read instead. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mintage API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/style.css">
<script src="docs/swagger-ui-bundle.js" defer></script>
<script src="docs/start.js" defer></script>
</head>
<body>
<div id="reference"></div>
<noscript>
<h1>Mintage API</h1>
<p>This page needs JavaScript to list the routes. The same to read without it is <a href="openapi.json">openapi.json</a>, in OpenAPI 3.1.</p>
</noscript>
</body>
</html>
`

/**
 * What Swagger UI leaves to the page around it: no edge, room for all ways to authorize; and colours with the contrast of WCAG 2.2 §1.4.3,
 * which its own lack, most of them on light screens.
 */
export const style = `html {
  color-scheme: light dark;
}
body {
  margin: 0;
}
noscript {
  display: block;
  padding: 1rem 2rem;
  font: 1rem / 1.5 system-ui, sans-serif;
}
.swagger-ui .dialog-ux .modal-ux-content {
  max-height: 80vh;
}
.swagger-ui .parameter__empty_value_toggle {
  display: none;
}
.swagger-ui .opblock .opblock-summary-method {
  color: #10161a;
  text-shadow: none;
}
.swagger-ui .download-contents {
  background: #5a6170;
}
.swagger-ui code span[style*='rgb(211, 99, 99)'] {
  color: #f0a3a3 !important;
}
@media (prefers-color-scheme: light) {
  .swagger-ui :is(.info a, .link, .renderedMarkdown a) {
    color: #1f5fae;
  }
  .swagger-ui .btn.execute {
    background: #1f5fae;
    border-color: #1f5fae;
  }
  .swagger-ui .btn.authorize,
  .swagger-ui .btn.authorize svg {
    border-color: #12734a;
    color: #12734a;
  }
  .swagger-ui .btn.cancel {
    border-color: #b3261e;
    color: #b3261e;
  }
  .swagger-ui .info .title small {
    background: #5a6170;
  }
  .swagger-ui .info .title small.version-stamp {
    background: #4b6a00;
  }
  .swagger-ui :is(.parameter__in, .json-schema-2020-12-expand-deep-button) {
    color: #5a6170;
  }
  .swagger-ui .parameter__name.required span {
    color: #b3261e;
  }
}
`

/**
 * The page follows the reader's choice of light or dark. Requests go to where the page is: that is the only place to which its policy lets
 * them go, and it need not be the address by which others know the service. They carry what was typed into the page and nothing that the
 * browser has kept, and the browser asks for no password by itself, because it would keep that. What may be left out is empty until it is
 * typed, where Swagger UI would send its example, and what is empty is not sent: it means the same (RFC 6749 §3.2). No validator of somebody
 * else is asked.
 */
export const start = `const dark = matchMedia('(prefers-color-scheme: dark)')
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

function sayExample(parameter) {
  if (parameter.required || parameter.schema.example === undefined) return
  parameter.description = [parameter.description, 'such as ' + parameter.schema.example].filter(Boolean).join('; ')
  delete parameter.schema.example
}

function leaveFormEmpty(schema, description) {
  const { properties = {} } = description.components.schemas[schema?.$ref?.split('/').at(-1)] ?? schema ?? {}
  for (const property of Object.values(properties)) {
    property.example = property.type === 'array' ? [] : ''
    delete property.items?.format // it has no field for a URI in a list, and says so on the console
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
    const isForm = request.headers['Content-Type'] === 'application/x-www-form-urlencoded'
    const body = isForm ? request.body?.replace(/(^|&)[^=&]+=(?=&|$)/g, '').replace(/^&/, '') : request.body
    return Object.assign(request, { body, credentials: 'omit' })
  },
})
`
