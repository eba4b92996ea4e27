"use strict";

// Shows the schema with Swagger UI. Requests from this page use only the token that is typed on it.
const place = document.getElementById("swagger-ui");
SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  requestInterceptor: (request) => ({ ...request, credentials: "omit" }),
});
