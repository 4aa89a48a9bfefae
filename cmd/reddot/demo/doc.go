// Package demo plays a few friends who chat, and shows the conversation lists
// of two of them as their phones would: live, side by side.
//
//	script ──► stage ──► commands ──► reddot ──► listeners ──► board ──► frame ──► screen
//	what happens next                                          what was heard
//
// What is shown of counts, totals and receipts is what the Go client's
// listeners heard; nothing is computed here. At the end the board is
// compared with what the queries answer.
//
// The script is a pure function of its seed. The frame is a pure function of
// the board. The stage owns the clock, the board is the only thing that
// several goroutines touch.
package demo
