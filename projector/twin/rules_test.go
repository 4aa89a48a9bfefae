package twin

import (
	"slices"
	"testing"
)

// rules are scripts by the name of the rule they spell out. The expected
// answers are written by hand from the rule's text.
var rules = []struct{ rule, name, script string }{
	{"count", "c2c", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		list alice => 2: c2c_bob 2 first=m1
		list bob => 0
		user.message alice id=m1 from=carol
		list alice => 3: c2c_carol 1 first=m1; c2c_bob 2 first=m1`},
	{"count", "to oneself", `
		user.message alice id=m1 from=alice
		list alice => 0: c2c_alice 0
		user.sent alice id=m2 to=alice
		list alice => 0: c2c_alice 0
		user.sent alice id=m1 to=alice => ignored
		user.read alice c2c_alice
		list alice => 0: c2c_alice 0 read=m2@40
		receipt alice alice => none`},
	{"count", "group", `
		group.join team users=alice,bob,carol
		group.message team id=g1 from=alice
		group.message team id=g2 from=eve
		list alice => 1: group_team 1 first=g2
		list bob => 2: group_team 2 first=g1
		list eve => 0`},

	{"once", "c2c", `
		user.message alice id=m1 from=bob
		user.message alice id=m1 from=bob => ignored
		user.read alice c2c_bob => receipt to bob m1@30 v3
		user.message alice id=m1 from=bob => ignored
		list alice => 0: c2c_bob 0 read=m1@30
		versions alice => 3; c2c_bob 3
		last alice => c2c_bob m1 from bob@10`},
	{"once", "message and sent share the ids", `
		user.message alice id=m1 from=bob
		user.sent alice id=m1 to=bob => refused: the id is another sender's message
		user.sent alice id=m2 to=bob
		user.sent alice id=m2 to=bob => ignored
		user.message alice id=m2 from=bob => refused: the id is another sender's message
		list alice => 1: c2c_bob 1 first=m1`},
	{"once", "group, another sender, after a revoke and a dismissal", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob
		group.message team id=g1 from=carol => refused: the id is another sender's message
		group.revoke team id=g1
		group.message team id=g1 from=bob => ignored
		group.dismiss team
		group.join team users=alice
		group.message team id=g1 from=bob => ignored
		group.message team id=g1 from=alice => refused: the id is another sender's message
		list alice => 0: group_team 0 read=g1`},
	{"once", "an id names one message in its conversation only", `
		user.message alice id=m1 from=bob
		user.message alice id=m1 from=carol
		user.message bob id=m1 from=alice
		group.join team users=alice
		group.message team id=m1 from=dave silent
		group.message team id=m1 from=bob => refused: the id is another sender's message
		list alice => 2: group_team 0; c2c_carol 1 first=m1; c2c_bob 1 first=m1`},

	{"silent", "never counts, keeps the positions", `
		user.message alice id=m1 from=bob silent
		list alice => 0: c2c_bob 0
		user.message alice id=m2 from=bob
		user.message alice id=m3 from=bob silent
		user.message alice id=m4 from=bob
		list alice => 2: c2c_bob 2 first=m2
		user.read alice c2c_bob upto=m3 => receipt to bob m3@50 v5
		list alice => 1: c2c_bob 1 first=m4 read=m3@50
		user.unread alice c2c_bob from=m1
		list alice => 2: c2c_bob 2 first=m2`},
	{"silent", "group", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob silent mentions=alice
		list alice => 0: group_team 0
		last alice => group_team g1 from bob@20`},

	{"own", "keep", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob
		group.message team id=g2 from=alice
		group.message team id=g3 from=bob
		list alice => 2: group_team 2 first=g1
		list bob => 1: group_team 1 first=g2
		user.message alice id=m1 from=bob
		user.sent alice id=m2 to=bob
		list alice => 3: c2c_bob 1 first=m1; group_team 2 first=g1
		last alice => c2c_bob m2 from alice@60; group_team g3 from bob@40`},
	{"own", "advance", `
		policy? => keep
		policy keep => ignored
		policy => ignored
		policy advance
		policy advance => ignored
		policy? => advance
		group.join team users=alice,bob
		group.message team id=g1 from=bob
		user.unread alice group_team
		group.message team id=g2 from=alice
		list alice => 0: group_team 0 read=g2@80
		group.message team id=g3 from=bob
		group.message team id=g4 from=alice silent
		list alice => 1: group_team 1 first=g3 read=g2@80
		user.message alice id=m1 from=bob
		user.sent alice id=m2 to=bob
		list alice => 1: c2c_bob 0 read=m2@120; group_team 1 first=g3 read=g2@80
		receipt bob alice => none
		user.read alice c2c_bob => receipt to bob m1@130 v13
		versions alice => 12; c2c_bob 12; group_team 10
		user.read alice c2c_bob => ignored`},
	{"own", "advance, a message that comes late", `
		policy advance
		user.message alice id=m1 from=bob at=1000
		user.message alice id=m2 from=bob at=2000
		user.sent alice id=o1 to=bob at=500
		list alice => 2: c2c_bob 2 first=m1
		user.sent alice id=o1b to=bob at=600
		list alice => 2: c2c_bob 2 first=m1
		user.sent alice id=o2 to=bob at=1000
		list alice => 1: c2c_bob 1 first=m2 read=m1@1000
		user.sent alice id=o3 to=bob at=1999
		list alice => 1: c2c_bob 1 first=m2 read=m1@1000
		user.sent alice id=o4 to=bob at=2000
		list alice => 0: c2c_bob 0 read=o4@2000
		user.message alice id=m3 from=bob at=3000
		user.read alice c2c_bob => receipt to bob m3@100 v10
		user.sent alice id=o5 to=bob at=1
		list alice => 0: c2c_bob 0 read=o5@1`},
	{"own", "advance, silent and hidden ones read nothing", `
		policy advance
		user.message alice id=m1 from=bob
		user.sent alice id=o1 to=bob silent
		user.sent alice id=o2 to=bob hidden
		list alice => 1: c2c_bob 1 first=m1
		last alice => c2c_bob o1 from alice@30
		versions alice => 3; c2c_bob 3`},
	{"own", "advance reaches past an early revoke and does not reach strangers", `
		policy advance
		group.join team users=alice,bob
		group.message team id=g1 from=bob
		group.revoke team id=g2
		group.message team id=g2 from=alice
		list alice => 0: group_team 0 read=g2@50
		group.message team id=g3 from=eve
		list eve => 0
		list bob => 1: group_team 1 first=g3 read=g1@30`},

	{"read-exact", "leaves what comes after", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.message alice id=m3 from=bob
		user.read alice c2c_bob upto=m2 => receipt to bob m2@40 v4
		list alice => 1: c2c_bob 1 first=m3 read=m2@40
		user.read alice c2c_bob upto=m1 => ignored
		user.read alice c2c_bob upto=m2 => ignored
		versions alice => 4; c2c_bob 4
		user.read alice c2c_bob at=7 => receipt to bob m3@7 v7
		user.read alice c2c_bob => ignored
		list alice => 0: c2c_bob 0 read=m3@7`},
	{"read-exact", "a stale read clears the mark only", `
		user.message alice id=m1 from=bob
		user.read alice c2c_bob => receipt to bob m1@20 v2
		user.unread alice c2c_bob
		list alice => 0: c2c_bob 0 read=m1@20 marked
		user.read alice c2c_bob upto=m1
		list alice => 0: c2c_bob 0 read=m1@20
		versions alice => 4; c2c_bob 4`},
	{"read-exact", "group", `
		group.join team users=alice
		group.message team id=g1 from=bob
		group.message team id=g2 from=bob
		user.read alice group_team upto=g1
		list alice => 1: group_team 1 first=g2 read=g1@40
		user.read alice group_team
		user.read alice group_team => ignored
		list alice => 0: group_team 0 read=g2@50`},
	{"read-exact", "read-all", `
		user.message alice id=m1 from=bob
		user.message alice id=m1 from=carol
		group.join team users=alice
		group.message team id=g1 from=bob
		user.mute alice group_team muted
		user.read-all alice c2c => receipt to bob m1@60 v6; receipt to carol m1@60 v6
		list alice => 0 (1 muted): group_team 1 first=g1 muted; c2c_carol 0 read=m1@60; c2c_bob 0 read=m1@60
		user.read-all alice c2c => ignored
		user.read-all alice group
		user.read-all alice => ignored
		user.unread alice c2c_bob
		user.read-all alice private
		list alice => 0: group_team 0 read=g1@80 muted; c2c_carol 0 read=m1@60; c2c_bob 0 read=m1@60
		user.read-all eve => ignored`},

	{"read-early", "c2c", `
		user.read alice c2c_bob upto=m2
		list alice => 0
		versions alice => 0
		users => alice
		user.message alice id=m1 from=bob
		list alice => 1: c2c_bob 1 first=m1
		explain alice c2c_bob 9 => v2 1=1-0-0 @0 read=@0#0 early=m2@10#1 | m1 bob@20#2
		user.message alice id=m2 from=bob => receipt to bob m2@10 v3
		user.message alice id=m3 from=bob
		list alice => 1: c2c_bob 1 first=m3 read=m2@10
		explain alice c2c_bob 9 => v4 1=1-0-0 @0 read=m2@10#1 | m3 bob@40#4`},
	{"read-early", "several ids, other reads leave them", `
		user.message alice id=m1 from=bob
		user.read alice c2c_bob upto=x1 at=4
		user.read alice c2c_bob upto=x2 at=5 private
		user.read alice c2c_bob => receipt to bob m1@40 v4
		user.unread alice c2c_bob from=nope => refused: the conversation does not have the message
		explain alice c2c_bob 9 => v4 0=0-0-0 @0 read=m1@40#4 early=x1@4#2 early=x2@5#3 private
		user.message alice id=x1 from=bob => receipt to bob x1@4 v6
		list alice => 0: c2c_bob 0 read=x1@4
		user.message alice id=m3 from=bob
		list alice => 1: c2c_bob 1 first=m3 read=x1@4
		user.message alice id=x2 from=bob silent
		list alice => 0: c2c_bob 0 read=x2@5
		receipt bob alice => x1@4`},
	{"read-early", "the nearer one leaves the further one", `
		group.join team users=alice
		user.read alice group_team upto=g3
		user.read alice group_team upto=g1
		group.message team id=g1 from=bob
		list alice => 0: group_team 0 read=g1@30
		group.message team id=g2 from=bob
		group.message team id=g3 from=bob
		list alice => 0: group_team 0 read=g3@20`},
	{"read-early", "the same id again: as if its message had been there", `
		user.read alice c2c_bob upto=m1 at=1
		user.read alice c2c_bob upto=m1 at=2 private => ignored
		user.message alice id=m1 from=bob => receipt to bob m1@1 v3
		user.read alice c2c_carol upto=m1 at=1 private
		user.read alice c2c_carol upto=m1 at=2 private => ignored
		user.read alice c2c_carol upto=m1 at=3
		user.read alice c2c_carol upto=m1 at=4 => ignored
		user.message alice id=m1 from=carol => receipt to carol m1@3 v8
		list alice => 0: c2c_carol 0 read=m1@1; c2c_bob 0 read=m1@1
		user.message alice id=m1 from=dave
		user.read alice c2c_dave upto=m1 at=1 private
		user.read alice c2c_dave upto=m1 at=2 private => ignored
		user.read alice c2c_dave upto=m1 at=3 => receipt to dave m1@3 v12
		user.read alice c2c_dave upto=m1 at=4 => ignored
		versions alice => 10; c2c_dave 10; c2c_carol 8; c2c_bob 3`},
	{"read-early", "a ninth id drops the oldest", `
		user.message alice id=m0 from=bob
		user.read alice c2c_bob upto=x1
		user.read alice c2c_bob upto=x2
		user.read alice c2c_bob upto=x3
		user.read alice c2c_bob upto=x4
		user.read alice c2c_bob upto=x5
		user.read alice c2c_bob upto=x6
		user.read alice c2c_bob upto=x7
		user.read alice c2c_bob upto=x8
		user.read alice c2c_bob upto=x1 => ignored
		user.read alice c2c_bob upto=x9 private
		user.message alice id=x1 from=bob
		list alice => 2: c2c_bob 2 first=m0
		user.message alice id=x2 from=bob => receipt to bob x2@30 v13
		user.message alice id=x9 from=bob
		list alice => 0: c2c_bob 0 read=x9@110
		user.read alice c2c_bob => receipt to bob x9@150 v15`},
	{"read-early", "private ones are told by the next that is not", `
		user.read alice c2c_bob upto=m1 private
		user.message alice id=m1 from=bob
		list alice => 0: c2c_bob 0 read=m1@10
		receipt bob alice => none
		user.read alice c2c_bob upto=m9
		receipt bob alice => none
		user.read-all alice group => ignored
		user.read-all alice private => ignored
		user.read-all alice => receipt to bob m1@60 v6
		versions alice => 2; c2c_bob 2`},
	{"read-early", "dropped by unread and delete", `
		group.join team users=alice
		group.message team id=g1 from=bob
		user.read alice group_team upto=g2
		user.unread alice group_team
		group.message team id=g2 from=bob
		list alice => 2: group_team 2 first=g1 marked
		user.read alice group_team upto=g3
		user.unread alice group_team => ignored
		group.message team id=g3 from=bob
		list alice => 3: group_team 3 first=g1 marked
		user.read alice group_team upto=g4
		user.delete alice group_team
		user.read alice group_team upto=g5
		user.delete alice group_team => ignored
		group.message team id=g4 from=bob
		group.message team id=g5 from=bob
		list alice => 2: group_team 2 first=g4 read=g3`},
	{"read-early", "clears the mark when it comes", `
		user.message alice id=m1 from=bob
		user.unread alice c2c_bob
		user.read alice c2c_bob upto=m2
		list alice => 1: c2c_bob 1 first=m1 marked
		versions alice => 2; c2c_bob 2
		user.message alice id=m2 from=bob => receipt to bob m2@30 v4
		list alice => 0: c2c_bob 0 read=m2@30`},
	{"read-early", "with upto_at, which acts at once", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.read alice c2c_bob upto=m3 upto_at=10 => receipt to bob m1@30 v3
		list alice => 1: c2c_bob 1 first=m2 read=m1@30
		user.sent alice id=m3 to=bob => receipt to bob m2@30 v4
		list alice => 0: c2c_bob 0 read=m3@30`},
	{"read-early", "an own message under advance: the earlier read tells the peer", `
		policy advance
		user.message alice id=m1 from=bob
		user.read alice c2c_bob upto=m2
		user.sent alice id=m2 to=bob => receipt to bob m1@30 v4
		list alice => 0: c2c_bob 0 read=m2@30
		explain alice c2c_bob 9 => v4 0=0-0-0 @0 read=m2@30#3`},

	{"read-time", "inclusive, and all before it", `
		user.message alice id=m1 from=bob at=100
		user.message alice id=m2 from=bob at=300
		user.message alice id=m3 from=bob at=200
		user.message alice id=m4 from=bob at=201
		user.read alice c2c_bob upto_at=99 => ignored
		user.read alice c2c_bob upto_at=200 => receipt to bob m3@60 v6
		list alice => 1: c2c_bob 1 first=m4 read=m3@60
		user.read alice c2c_bob upto_at=200 => ignored
		user.unread alice c2c_bob
		user.read alice c2c_bob upto_at=1
		list alice => 1: c2c_bob 1 first=m4 read=m3@60`},
	{"read-time", "with upto the further one wins", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.message alice id=m3 from=bob
		user.read alice c2c_bob upto=m1 upto_at=20 => receipt to bob m2@40 v4
		user.read alice c2c_bob upto=m3 upto_at=20 => receipt to bob m3@50 v5
		list alice => 0: c2c_bob 0 read=m3@50`},
}

func TestRules(t *testing.T) {
	for _, r := range slices.Concat(rules, moreRules, listRules, settingRules, historyRules, seenRules, threadRules) {
		t.Run(r.rule+"/"+r.name, func(t *testing.T) { runScript(t, r.script) })
	}
}
