// Package conformance tests that the documents of package openapi are what other
// programs take for OpenAPI 3.1: validators, and a generator of clients.
package conformance
