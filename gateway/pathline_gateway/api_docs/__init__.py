"""What can be sent and asked: `/asyncapi.json`, and pages made from it and from `/openapi.json`."""
