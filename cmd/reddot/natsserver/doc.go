// Package natsserver is the NATS server with JetStream that runs within reddot's own
// process when no other one is named: with the streams in the data folder, one server to
// a folder, forced to disk as --sync says.
//
// It is opened in two steps, so that the log can be checked before anybody can publish
// (else the sequences of commands that a crash has taken would be given again):
//
//	s := Open(cfg)   // files checked, streams recovered; for this process alone
//	s.Connect()      // look at the log
//	s.Listen()       // now for everybody
//	s.Shutdown()     // files closed, folder free
//
// Who connects is asked for a token where there is an Admit (door.go), and may then do what
// that says, until it says. This process itself is never asked.
//
// A record of a stream's file whose sequence is beyond all reason would make the server
// take all memory there is; blocks.go finds it: before the start in what is read at once
// (CheckBlocks), afterwards in all files, slowly (ScrubBlocks).
//
// What is far from the end of a stream is read past the server, from its files (records.go),
// as long as they are as the pinned version writes them.
//
// A crash leaves what SyncPolicy forced to disk. Errors are for who has called reddot on
// a command line: they name its flags.
package natsserver
