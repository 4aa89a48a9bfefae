package row_test

import (
	"testing"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// TestHomeID: what belongs to a group, or is kept of its members, is at home with it; what
// is of the C2C part of an inbox, with the user, in any era.
func TestHomeID(t *testing.T) {
	group := fold.GroupKey("g")
	member, peer := group, fold.Key{User: "u", ConversationID: events.ConversationID{Kind: events.C2C, ID: "g"}}
	member.User = "u"
	inEra := peer
	inEra.User = row.InEra("u", 7)
	memberInEra := member
	memberInEra.User = inEra.User
	for key, want := range map[string]string{
		string(row.AppendConversation(nil, peer)):                      "u",
		string(row.AppendConversation(nil, member)):                    "g",
		string(row.AppendGroup(nil, "g")):                              "g",
		string(row.AppendSender(nil, member)):                          "g",
		string(row.AppendMember(nil, "g", "u")):                        "g",
		string(row.AppendPiece(nil, "g", "u", "t")):                    "g",
		string(row.AppendWanted(nil, "g")):                             "g",
		string(row.AppendCounts(nil, fold.TreeKey{Group: "g"}, 1, 2)):  "g",
		string(row.AppendImport("u", 0, "g")):                          "g",
		string(row.AppendImport("u", 7, "g")):                          "g",
		string(row.AppendThread(nil, group, "t")):                      "g",
		string(row.AppendThread(nil, inEra, "t")):                      "u",
		string(row.AppendOrder(nil, group, 3)):                         "g",
		string(row.AppendOrder(nil, peer, 3)):                          "u",
		string(row.AppendTimeline(nil, memberInEra, "t")):              "g",
		string(row.AppendTimeline(nil, member, "")):                    "g",
		string(row.AppendTimeline(nil, inEra, "t")):                    "u",
		string(row.AppendFollower(nil, "g", "t", "u")):                 "g",
		string(row.AppendIndex(nil, group, "id")):                      "g",
		string(row.AppendIndex(nil, inEra, "id")):                      "u",
		string(row.AppendPage(nil, group, 1)):                          "g",
		string(row.AppendPage(nil, peer, 1)):                           "u",
		string(row.AppendBlock(nil, inEra, 1)):                         "u",
		string(row.AppendChunk(nil, member.Set(fold.SetOwn), 1)):       "g",
		string(row.AppendChunk(nil, group.Set(fold.SetAll), 1)):        "g",
		string(row.AppendChunk(nil, inEra.Set(fold.SetNamed), 1)):      "u",
		string(row.AppendDirectory(nil, group.SetOf("t", fold.SetIn))): "g",
		string(row.AppendDirectory(nil, member.Set(fold.SetNamed))):    "g",
		string(row.AppendPendingRead(nil, "g", "id", "u")):             "g",
		string(row.AppendUser(nil, "u")):                               "",
		string(row.AppendDue(nil, 1, group, 1)):                        "",
		string(row.AppendSweep(nil, 1)):                                "",
		string(row.ProgressKey()):                                      "",
	} {
		if got := row.HomeID(key); got != want {
			t.Errorf("%q is at home with %q, not with %q", key, got, want)
		}
	}
}
