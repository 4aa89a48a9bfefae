// Package datadir is the folder that is named by --data: what is where in it, who has
// it, and who may read it.
//
//	LOCK        held by the server, and by whoever puts a snapshot in the store's place
//	SESSIONS    the secret that seals sessions of the console, where keys are asked for
//	INSTANCE    a name, drawn once: two reddots with the same one have the same folder
//	nats/       the embedded NATS server's streams, with a lock of its own
//	store/      the projector's stores: the one in use, and one that is being built
//	snapshots/  unless --snapshots names another place
//	scratch/    stores that a command or the server folds for a while
//
// All of it is for one user alone. A crash leaves at most scratch stores behind, which
// the next command and the server's next start remove: each folder there but the
// server's has a lock that its owner holds while it is at work.
//
// Errors are for who has called reddot on a command line: they name its flags.
package datadir
