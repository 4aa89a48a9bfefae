// Package identity says who asks, and what they may do. It knows neither HTTP nor NATS:
// each way in hands it the credential that came, and obeys what comes back.
//
//	Load(FILE)        an [Authority]: keys, tokens and origins of one file
//	Open()            one that asks nobody, for listeners that this machine alone reaches
//	Authenticate      credential -> [Identity], or a [Refusal] with a reason for the log
//	Sessions          a key's place in a browser: a sealed value with an end
//	Permissions       Identity -> the NATS subjects it may publish to and subscribe to
//
// Permissions is the only place where rights on subjects are written: the embedded NATS
// server, the auth callout and the configuration that reddot prints all take them from
// there.
//
// Where what is:
//
//	role.go          roles, and which includes which
//	identity.go      who asks
//	refusal.go       why a credential is refused, in words for the log and one for who asks
//	authority.go     the file at work: Load, Reload, Run, Authenticate
//	file.go          the file's form
//	key.go           API keys; token.go: JWTs and what makes them valid
//	session.go       a session of who has shown a key
//	seen.go          tokens that were valid and come again
//	verifier.go      which key may have signed a token: by the key's kind, never by the token
//	remote.go        the key set at jwks_url
//	permissions.go   rights on NATS
//
// # How do I add a role?
//
// A constant and its word in role.go, a case in Permissions, and a row in the table of
// TestPermissions; the tables that HTTP and NATS are tested with are made of Roles.
package identity
