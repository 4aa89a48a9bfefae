// Package natsconn is how the program connects to a NATS server: as whom, to
// which one, and what it means for the user when that fails.
//
// A [Config] is the flags that say who connects and which server is trusted;
// they have the same names at every command. Secrets are read from files, again
// at each connection, so that they can be changed under way. Nothing that lets
// one in is ever shown: URLs go through [Redacted], the texts of libraries
// through [Scrubbed].
//
// A [Client] is a Config with a server, for the commands that talk to one:
//
//	Dial         a connection that does not reconnect: what was in flight would
//	             be in doubt, so the command ends and says why (Conn.Bind)
//	DialLasting  one that comes back whenever the server does, and ends only where
//	             that is in vain
//
// [Config.Refused] distinguishes what needs a person, as a wrong password, from what may
// pass by itself, as a server that is not there yet: the server command waits for
// the latter.
package natsconn
