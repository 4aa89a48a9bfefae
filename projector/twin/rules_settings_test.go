package twin

// settingRules are the rules of what a user sets: levels, labels, filters, blocks.
var settingRules = []struct{ rule, name, script string }{
	{"level", "mentions only, or nothing", `
		group.join team users=alice,bob
		group.message team id=g1 from=bob
		group.message team id=g2 from=bob mentions=alice
		user.message alice id=m1 from=bob
		user.level alice group_team level=mentions
		user.level alice group_team level=mentions => ignored
		totals alice => {2 1 1 1 2 0}
		totals alice muted => {3 1 2 1 2 0}
		list alice => 2: c2c_bob 1 first=m1; group_team 2 @1 first=g1 level=mentions
		user.level alice group_team level=none
		totals alice => {1 1 0 0 1 2}
		totals alice muted => {3 1 2 1 2 2}
		versions alice => 7; c2c_bob 4; group_team 7
		user.level alice group_team level=all
		totals alice => {3 1 2 1 2 0}
		user.level alice group_else level=none => refused: not a member of the group`},
	{"level", "the mark is no mention", `
		user.message alice id=m1 from=bob
		user.read alice c2c_bob => receipt to bob m1@20 v2
		user.unread alice c2c_bob
		totals alice => {0 0 0 0 1 0}
		user.level alice c2c_bob level=mentions
		totals alice => {0 0 0 0 0 0}
		totals alice muted => {0 0 0 0 1 0}`},
	{"level", "mute is none, unmute all", `
		user.message alice id=m1 from=bob
		user.level alice c2c_bob level=mentions
		user.mute alice c2c_bob muted
		user.level alice c2c_bob level=none => ignored
		list alice => 0 (1 muted): c2c_bob 1 first=m1 muted
		user.mute alice c2c_bob unmuted
		user.level alice c2c_bob level=mentions
		user.mute alice c2c_bob unmuted
		user.level alice c2c_bob level=all => ignored
		list alice => 1: c2c_bob 1 first=m1`},
	{"level", "is remembered of a conversation that is yet to come", `
		user.level alice c2c_bob level=mentions
		user.level alice c2c_carol level=all => ignored
		list alice => 0
		user.message alice id=m1 from=bob
		list alice => 0: c2c_bob 1 first=m1 level=mentions
		user.delete alice c2c_bob
		user.message alice id=m2 from=bob mentions=alice
		list alice => 1: c2c_bob 1 @1 first=m2 read=m1 level=mentions`},
	{"level", "a mention that is taken back", `
		group.join team users=alice,bob
		user.level alice group_team level=mentions
		group.message team id=g1 from=bob mentions=alice
		group.message team id=g2 from=bob all
		totals alice => {2 0 2 2 1 0}
		group.revoke team id=g1
		totals alice => {1 0 1 1 1 0}
		group.edit team id=g2
		totals alice => {0 0 0 0 0 0}`},

	{"label", "removed, then added; archived stays out of the totals", `
		user.message alice id=m1 from=bob mentions=alice
		user.message alice id=m1 from=carol
		user.label alice c2c_bob add=archived,work,work remove=archived
		user.label alice c2c_bob add=work remove=star => ignored
		user.label alice c2c_bob => ignored
		totals alice => {1 1 0 0 1 1}
		user.message alice id=m2 from=bob
		list alice => 1 (2 muted): c2c_bob 2 @1 first=m1 labels=archived,work; c2c_carol 1 first=m1
		totals alice muted => {3 3 0 1 2 2}
		user.label alice c2c_bob remove=archived
		totals alice => {3 3 0 1 2 0}
		versions alice => 7; c2c_bob 7; c2c_carol 2`},
	{"label", "outlives delete, not leaving", `
		group.join team users=alice
		user.label alice group_team add=star
		user.delete alice group_team
		group.message team id=g1 from=bob
		list alice => 1: group_team 1 first=g1 labels=star
		group.leave team users=alice
		group.join team users=alice
		list alice => 0: group_team 0 read=g1
		user.label alice c2c_bob add=star
		user.message alice id=m1 from=bob
		list alice => 1: c2c_bob 1 first=m1 labels=star; group_team 0 read=g1`},
	{"label", "archived and at level mentions", `
		user.message alice id=m1 from=bob mentions=alice
		user.level alice c2c_bob level=mentions
		user.label alice c2c_bob add=archived
		totals alice => {0 0 0 0 0 1}
		totalsof alice label:archived => {1 1 0 1 1 0}
		user.level alice c2c_bob level=none
		totalsof alice label:archived => {0 0 0 0 0 1}
		totalsof alice label:archived muted => {1 1 0 1 1 1}`},

	{"filter", "kept by name", `
		user.message alice id=m1 from=bob
		group.join team users=alice
		group.message team id=g1 from=bob all
		user.filter alice name=direct filter=kind:c2c
		user.filter alice name=direct filter=kind:c2c => ignored
		user.filter alice name=gone => ignored
		versions alice => 4; group_team 3; c2c_bob 1
		user.filter alice name=named filter=mentioned
		user.filter alice name=plain filter=label:
		user.label alice c2c_bob add=work
		user.filter alice name=busy filter=without:work
		filters alice => busy {1 0 1 1 1 0}; direct {1 1 0 0 1 0}; named {1 0 1 1 1 0}; plain {1 0 1 1 1 0}
		user.filter alice name=direct
		user.filter alice name=direct => ignored
		versions alice => 11; group_team 3; c2c_bob 9
		user.erase alice
		filters alice =>`},
	{"filter", "archived and whole counts", `
		user.message alice id=m1 from=bob
		user.message alice id=m1 from=carol
		user.label alice c2c_bob add=archived
		user.mute alice c2c_carol muted
		user.filter alice name=archive filter=label:archived
		user.filter alice name=whole filter=muted
		user.filter alice name=rest filter=without:archived
		filters alice => archive {1 1 0 0 1 0}; rest {0 0 0 0 0 1}; whole {2 2 0 0 2 2}`},

	{"block", "counts for nobody who blocks, and again afterwards", `
		group.join team users=alice,bob,carol
		group.message team id=g1 from=bob mentions=alice
		group.message team id=g2 from=carol
		user.message alice id=m1 from=bob
		user.block alice users=bob,alice blocked
		user.block alice users=bob blocked => ignored
		versions alice => 5; c2c_bob 5; group_team 5
		list alice => 1: c2c_bob 0; group_team 1 first=g2
		list carol => 1: group_team 1 first=g1
		explain alice group_team 9 => v5 1=2-0-0 @0 read=@0#1 blocked=1 | g2 carol@30#3
		user.message alice id=m2 from=bob
		group.message team id=g3 from=bob
		group.revoke team id=g1
		list alice => 1: group_team 1 first=g2; c2c_bob 0
		user.block alice users=bob unblocked
		user.block alice users=bob unblocked => ignored
		list alice => 4: group_team 2 first=g2; c2c_bob 2 first=m1
		user.erase alice
		user.block alice users=bob unblocked => ignored`},
	{"block", "does not bring a conversation back", `
		user.message alice id=m1 from=bob
		user.block alice users=bob,eve blocked
		user.delete alice c2c_bob
		user.message alice id=m2 from=bob
		list alice => 0
		versions alice => 3
		user.message alice id=m1 from=eve
		list alice => 0: c2c_eve 0
		user.block alice users=bob unblocked
		list alice => 1: c2c_eve 0; c2c_bob 1 first=m2 read=m1
		user.block alice users=bob blocked
		list alice => 0: c2c_eve 0`},
	{"block", "nor one that an import has made, by the first message", `
		user.import alice c2c_bob unread=2 c2c_eve unread=2
		user.block alice users=bob blocked
		user.delete alice c2c_bob
		user.delete alice c2c_eve
		user.message alice id=m1 from=bob
		user.message alice id=m1 from=eve silent
		list alice => 0
		user.message alice id=m2 from=eve
		list alice => 1: c2c_eve 1 first=m2
		user.block alice users=bob unblocked
		list alice => 2: c2c_eve 1 first=m2; c2c_bob 1 first=m1`},
	{"block", "a blocked sender's messages do not keep one", `
		group.join team users=alice,bob
		group.message team id=g1 from=carol
		group.message team id=g2 from=bob
		user.block alice users=bob blocked
		user.unread alice group_team from=g2
		list alice => 1: group_team 1 first=g1 marked
		user.delete alice group_team upto=g1
		list alice => 0
		group.message team id=g3 from=carol
		list alice => 1: group_team 1 first=g3 read=g1`},
}
