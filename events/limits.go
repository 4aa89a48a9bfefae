package events

import "time"

// Limits of commands. A command that breaks one is refused.
const (
	MaxID                = 256       // bytes of a user, group or message id
	MaxPayload           = 256 << 10 // bytes of a command's payload
	MaxMentions          = 1_000     // users named by one message
	MaxUsers             = 10_000    // users named by one join or leave
	MaxPendingReads      = 8         // reads up to messages yet to come, kept for one conversation
	MaxLabel             = 64        // bytes of a label, and of a filter's name
	MaxLabels            = 32        // labels of one conversation
	MaxFilters           = 20        // filters that one user keeps
	MaxBlocked           = 1_000     // users whom one user blocks
	MaxImports           = 1_000     // conversations of one import
	MaxDepth             = 16        // nesting of a payload, unknown fields included
	MaxTime         Time = 1<<53 - 1 // ms; the largest integer every JSON reader keeps exactly
)

// Limits of queries and events.
const (
	DefaultLimit           = 50  // conversations or messages in a reply
	MaxLimit               = 200 // the most a request may ask for
	MaxChangeConversations = 200 // conversations in one change event
	MaxChangeThreads       = 200 // threads in one change event
	MaxReceipts            = 200 // newest messages of a group whose senders are notified of readers
	MaxReceiptIDs          = 30  // messages that one request asks the receipts of

	DefaultWaitMS = 2_000    // timeout_ms of a request that has none
	MaxWaitMS     = 30_000   // timeout_ms of any request
	MaxHoldMS     = 60_000   // ttl_ms of a request to hold events back
	MaxKey        = 200      // characters of the key of a request for a command
	MaxRequest    = 64 << 10 // bytes of a query's request

	// MaxCursor bounds "after" in bytes. A cursor names a place in a list, so
	// it is not much longer than an id; the bound keeps what a waiting request
	// holds small.
	MaxCursor = 2 << 10
)

// WatchLease is how long a watch of large groups lasts; a watcher renews it well
// before.
const WatchLease = 60 * time.Second
