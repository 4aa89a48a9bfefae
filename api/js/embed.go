// Package js holds the JavaScript client, as the server serves it: for pages that import it
// from there and need no build. README.md says what it does and how it is made.
//
// How do I change it? In reddot.js, and in reddot.d.ts what of it is seen; then "npm ci" and
// "npm test" in this folder. What a book tells is written in testdata/book, and holds for the
// Go client too.
package js

import _ "embed"

// Module is the client: an ES module without dependencies.
//
//go:embed reddot.js
var Module string

// Types are its types.
//
//go:embed reddot.d.ts
var Types string
