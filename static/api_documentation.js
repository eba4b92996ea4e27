"use strict";

// Shows the schema by Swagger UI. Calls that are tried there go with the token that is typed there.
const place = document.getElementById("swagger-ui");
SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  requestInterceptor: (request) => ({ ...request, credentials: "omit" }),
});
