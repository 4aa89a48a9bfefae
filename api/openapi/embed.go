// Package openapi holds the contract of the HTTP API: OpenAPI 3.1, written by hand.
//
// openapi.yaml is the text; openapi.json is the same as JSON, written from it by the tests
// of check. Those are a module of their own, since what they need (a validator, generators
// of clients) is much and no part of the program:
//
//	check/    each request and reply that the tests of the API have recorded is what the
//	          text says; its examples are what a server answers; a Go client and
//	          TypeScript types made from it talk to one; the worst ids pass three proxies.
//	          .ci/run runs it, with what it has to install.
//
// How do I change the contract? In openapi.yaml, then, in check,
// "go test -run TestJSON -rewrite". What the routes of the server are, and who may ask
// them, package rest compares with it.
package openapi

import _ "embed"

// YAML is the contract as it is written.
//
//go:embed openapi.yaml
var YAML string

// JSON is the same.
//
//go:embed openapi.json
var JSON string
