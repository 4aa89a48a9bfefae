// Package counts reads what another system counts: how much each user has unread in
// each conversation. "reddot import" publishes it, "reddot compare" compares it with
// what reddot says.
//
//	Open    a file of CSV, whose first line names the columns, or of JSON lines
//	Redis   hashes of counters, one a user, a field a conversation
//
// Both give one [Row] after the other, in the order in which they come, and hold no more
// than one of them. A row that can't be meant is a [RowError]; reading goes on behind it.
// What a row may hold is what an import command may: package events checks that.
//
// # The fields of a row
//
//	user           whose conversation it is
//	conversation   c2c_PEER or group_GROUP
//	unread         messages unread
//	mentions       of them those that name the user
//	read_at        when it was last read
//	last_id        the last message, with last_from, its sender, and last_at
//	muted          true, t or 1 (false, f, 0)
//	labels         in CSV with | between two, in JSON an array
//
// The first three are needed; an empty cell, null and a field left out say nothing. Times
// are Unix milliseconds, or as in 2026-11-23T18:00:00Z. A field that is not one of
// these is an error, as a misspelt one would be lost.
package counts
