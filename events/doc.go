// Package events is reddot's vocabulary: the commands a chat back end
// publishes, the events and views reddot answers with, the subjects both
// travel on, their limits and their msgpack and JSON forms. It imports nothing
// else of reddot, and of others msgpack alone, so a client can use it.
//
// # Commands
//
// A command is one message on the command stream. Who acts or is acted on is
// in the subject, what happened is in the payload:
//
//	unread.cmd.user.alice.message   {"id":"m1","from":"bob"}
//	unread.cmd.group.team.join      {"users":["alice","bob"]}
//
// [Subjects.ParseCommand] reads the subject, [Decode] the payload. Both refuse
// what breaks a rule with an [*Invalid] whose text is the reason reported on the
// rejected subject; the same bytes are refused for the same reason at every
// replay. Decode is safe on any bytes: one pass without recursion checks
// depth and lengths before anything is allocated for them, integers are
// range-checked, bytes after the value are refused.
//
// Which fields a verb has, which of them it needs and what each may hold stands
// in one table that both encodings and [Command.Validate] follow. null is the
// same as an absent field, no payload the same as {}. What reports a message
// (message, sent) may have fields of the back end's own, which are ignored
// whatever they hold; in every other command a field that the verb does not have
// refuses it, since a misspelt position would widen what it does. [Encode] and
// [EncodeJSON] write equal commands as equal bytes.
//
// What is refused is as much a part of the format as what is accepted: the same
// log must give the same answers at every replay, whatever release folds it. So
// no library decides it: JSON is read by a tokenizer of this package's own, and
// testdata/golden/events/v1/json-verdicts.txt holds JSON bytes with the verdict
// on each, which a new one must share. A verb or a field that a release learns is
// the one exception: a log in which it was refused, or ignored in a message, says from
// then on what its publisher meant. So a release that learns one has another format of
// the store, and folds such a log from its begin.
//
// A [Decoder] decodes command after command without memory of its own for
// each but the strings. [LineParser] reads commands from JSON lines.
//
// # Events and replies
//
// [Change], [Receipt], [Rejected] and the replies are plain structs, written by
// [Marshal] as msgpack maps or JSON objects with the same names and read by
// [Unmarshal], which is safe on any bytes but trusts their sender for the
// values: a negative number in a msgpack seq goes unnoticed. Golden files under
// testdata/golden/events hold the bytes of each version.
//
// # How do I add a command?
//
// In this order; behind each place is what fails while it is forgotten.
//
//	events/command.go            a Verb behind the last one, and the fields of
//	                             Command that it needs              TestVerbNumbers
//	events/field.go              its form: name and fields; a new field has a
//	                             fieldSpec and a name               TestGoldenCommands, TestFieldsUsed
//	events/golden_test.go        one with all its fields, one with the required
//	                             ones, and -rewrite                 TestGoldenCommands
//	projector/fold/fold.go       its case of Apply; the rule in a file of its own,
//	                             with the rule's name               TestEveryVerbHasARule
//	projector/fold/touched.go    whom it touches                    TestEveryVerbHasARule
//	projector/twin               the same rule as a dumb model would have it, and
//	                             the generator that makes such commands  TestGeneratorCovers
//	testdata/scenarios           what it does, as a text            TestScenarios
//	api/gate/gate.go             whether users may ask for it       TestEveryVerbIsDecided
//	api/client                   a method of User, Group or Client  TestCommands
//	cmd/reddot/actions.go        its command of the program         TestEveryVerbHasAnAction
//
// A verb or a field changes what old logs mean, where back ends have published it
// and it was refused: it is another row.Format, so that every store is built again.
//
// # How do I add an event?
//
//	events/event.go              its struct                         TestEveryStructIsGolden
//	events/subject.go            where it is heard
//	events/golden_test.go        one with all its fields, one with none of the
//	                             optional ones, and -rewrite        TestEveryStructIsGolden
//	projector/fold/effects.go    what the fold names as changed
//	projector/view               its values, from the rows of the position that is shown
//	projector/emit               its round, its message, and what of it a successor
//	                             finds in the event stream when it goes on
//	testdata/scenarios           a scenario that causes it          TestScenarios
//	api/client/listener.go       its callback, and book.go what a listener knows already
//	cmd/reddot/watcher.go        its line
//
// A query is added as package api says.
//
// # Ids in subjects
//
// An id is one subject token. The bytes that would split or match tokens are
// written %XX ([EscapeToken]); there is exactly one spelling of each id, any
// other is refused, so that a NATS permission on a subject can't be passed by
// spelling the id differently.
package events
