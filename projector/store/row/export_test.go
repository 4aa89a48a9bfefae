package row

import (
	"reddot/projector/fold"
)

// What the tests need to draw rows of every shape, and to see that they did.

// BitsFrom is from how many ordinals on a chunk is written as bits.
const BitsFrom = bitsFrom

// CountsFrom is the most counts that a tree's row lists with their places.
const CountsFrom = countsFrom

// All flags of the rows, and those that only one kind of page has.
const (
	ConversationFlags = convFlagsEnd - 1
	LogFlags          = logFlagsEnd - 1
	IndexFlags        = indexAwaited<<1 - 1
	MessageFlags      = msgFlagsEnd - 1
	C2COnly           = msgNamed | msgOwn | msgBefore
	GroupOnly         = msgAll | msgMentions | msgApart
)

func FirstInTail(head fold.Pos) fold.Pos { return firstInTail(head) }
func TailHasBlock(head fold.Pos) bool    { return tailHasBlock(head) }
func LastIsNewest(l *fold.Log) bool      { return lastIsNewest(l) }

// FlagsOf are the flags of a row, and those of the messages in it.
func FlagsOfConversation(c *fold.Conversation) uint64 { return conversationFlags(c) }
func FlagsOfLog(l *fold.Log) uint64                   { return logFlags(l) }

func FlagsOfPage(p *Page) (all uint64) {
	p.each(func(flags uint64, _ string) bool {
		all |= flags
		return true
	})
	return all
}
