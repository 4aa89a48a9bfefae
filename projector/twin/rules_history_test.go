package twin

// historyRules are the rules of what is gone, or was before.
var historyRules = []struct{ rule, name, script string }{
	{"clear", "stays in the list without a history", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.read alice c2c_bob upto=m1 => receipt to bob m1@30 v3
		user.unread alice c2c_bob
		user.clear alice c2c_bob
		user.clear alice c2c_bob => ignored
		list alice => 0: c2c_bob 0 read=m2
		last alice => c2c_bob none
		versions alice => 5; c2c_bob 5
		receipt bob alice => m1@30
		user.unread alice c2c_bob from=m2 => refused: the conversation does not have the message
		user.revoke alice id=m2 from=bob => ignored
		user.message alice id=m3 from=bob
		user.unread alice c2c_bob from=m3 => ignored
		list alice => 1: c2c_bob 1 first=m3 read=m2`},
	{"clear", "before a message", `
		user.message alice id=m1 from=bob
		user.message alice id=m2 from=bob
		user.message alice id=m3 from=bob
		user.clear alice c2c_bob before=m2
		list alice => 2: c2c_bob 2 first=m2 read=m1
		last alice => c2c_bob m3 from bob@30
		user.clear alice c2c_bob before=m2 => ignored
		user.clear alice c2c_bob before=m1 => ignored
		user.clear alice c2c_bob before=m9 => refused: the conversation does not have the message
		user.unread alice c2c_bob from=m1 => refused: the conversation does not have the message
		user.clear alice c2c_carol => ignored
		group.message team id=g1 from=bob
		group.join team users=alice
		user.clear alice group_team before=g1 => refused: the conversation does not have the message`},
	{"clear", "is the user's own, and leaves waiting reads", `
		group.join team users=alice,bob
		group.message team id=g1 from=eve
		user.read alice group_team upto=g2
		user.clear alice group_team
		list alice => 0: group_team 0 read=g1
		list bob => 1: group_team 1 first=g1
		explain alice group_team 9 => v4 0=0-0-0 @0 read=g1@0#4 early=g2@30#3
		group.message team id=g2 from=eve
		list alice => 0: group_team 0 read=g2@30`},

	{"purge", "for all, for ever", `
		group.join team users=alice,bob,carol
		group.message team id=g1 from=eve
		group.message team id=g2 from=eve mentions=alice
		group.message team id=g3 from=eve
		user.read carol group_team
		group.purge team before=g3
		group.purge team before=g3 => ignored
		group.purge team before=g2 => ignored
		group.purge team before=g9 => refused: the conversation does not have the message
		list alice => 1: group_team 1 first=g3
		versions alice => 6; group_team 6
		versions carol => 5; group_team 5
		user.unread carol group_team from=g2 => refused: the conversation does not have the message
		group.revoke team id=g1 => ignored
		group.edit team id=g2 all => ignored
		user.read alice group_team upto=g2
		list alice => 1: group_team 1 first=g3 read=g2@130
		group.purge team before_at=1000
		list alice => 0: group_team 0 read=g2@130
		last carol => group_team none
		versions carol => 14; group_team 14
		explain alice group_team 9 => v14 0=1-0-0 @0 read=g2@130#13 purged=1`},
	{"purge", "by time: what comes before the last earlier one too", `
		group.join team users=alice
		group.message team id=g1 from=eve at=300
		group.message team id=g2 from=eve at=100
		group.message team id=g3 from=eve at=200
		group.purge team before_at=100 => ignored
		group.purge team before_at=101
		list alice => 1: group_team 1 first=g3
		group.purge team before=g1 before_at=300
		list alice => 0: group_team 0`},

	{"import", "before or after the live messages", `
		user.import alice c2c_bob unread=5 named=2 read_at=7 last=m0/bob/3 receipt=x/4
		list alice => 5: c2c_bob 5 @2@7
		last alice => c2c_bob m0 from bob@3
		receipt bob alice => x@4
		user.message alice id=m1 from=bob
		list alice => 6: c2c_bob 6 @2@7
		explain alice c2c_bob 9 => v2 6=1-0-0 @2 read=@7#0 carried=5 | m1 bob@20#2
		user.message alice id=m1 from=carol
		user.import alice c2c_carol unread=5 labels=star,old level=mentions last=m0/carol/3
		list alice => 6: c2c_carol 6 level=mentions labels=old,star; c2c_bob 6 @2@7
		last alice => c2c_carol m1 from carol@30; c2c_bob m1 from bob@20`},
	{"import", "a member from before the first message", `
		group.join team users=bob
		group.message team id=g1 from=bob mentions=alice
		group.join team users=alice
		group.message team id=g2 from=bob
		user.import alice group_team unread=3 last=g0/bob/1
		list alice => 5: group_team 5 @1
		last alice => group_team g2 from bob@40
		user.import carol group_team unread=0
		list carol => 2: group_team 2 first=g1
		user.unread alice group_team from=g1
		list alice => 2: group_team 2 @1 first=g1
		user.import alice c2c_x unread=0 c2c_y unread=1 marked
		list alice => 3: c2c_x 0; c2c_y 1 marked; group_team 2 @1 first=g1`},
	{"import", "the last message meets what came before it", `
		group.join team users=alice,bob
		group.message team id=r1 from=eve hidden
		user.read bob group_team upto=g0
		group.revoke team id=g0
		user.import alice group_team unread=2 last=g0/eve/5
		last bob => group_team g0 from eve@5 revoked
		list bob => 0: group_team 0 read=g0@30
		group.message team id=g0 from=eve => ignored
		group.message team id=g0 from=bob => refused: the id is another sender's message`},
	{"import-once", "until an erase", `
		user.import alice c2c_bob unread=5
		user.import alice c2c_bob unread=7 => ignored
		user.import alice c2c_bob unread=7 c2c_carol unread=1
		list alice => 6: c2c_carol 1; c2c_bob 5
		user.erase alice
		user.import alice c2c_bob unread=7
		list alice => 7: c2c_bob 7
		user.import alice group_team unread=1
		group.leave team users=alice
		group.join team users=alice
		user.import alice group_team unread=1 => ignored
		list alice => 7: group_team 0; c2c_bob 7`},
	{"import-once", "who has acted carries nothing", `
		user.message alice id=m1 from=bob
		user.read alice c2c_bob => receipt to bob m1@20 v2
		user.import alice c2c_bob unread=5 named=1 marked read_at=3 level=none
		list alice => 0: c2c_bob 0 read=m1@20 muted
		user.message alice id=m1 from=carol
		user.delete alice c2c_carol
		user.import alice c2c_carol unread=5 marked
		list alice => 0: c2c_bob 0 read=m1@20 muted
		user.import alice c2c_carol unread=5 => ignored
		user.message alice id=m1 from=dave
		user.unread alice c2c_dave
		user.import alice c2c_dave unread=5
		list alice => 1: c2c_dave 1 first=m1 marked; c2c_bob 0 read=m1@20 muted`},
	{"carried", "ends as a whole", `
		user.import alice c2c_a unread=5 last=m0/a/1 c2c_b unread=5 c2c_c unread=5 c2c_d unread=5 c2c_e unread=5
		user.read alice c2c_a upto=m0 => receipt to a m0@20 v2
		user.read alice c2c_b
		user.clear alice c2c_c
		user.delete alice c2c_d
		user.message alice id=m1 from=e
		user.unread alice c2c_e from=m1
		list alice => 1: c2c_e 1 first=m1; c2c_a 0 read=m0@20; c2c_b 0@30; c2c_c 0`},
	{"carried", "not with what does not cover it", `
		user.import alice c2c_bob unread=5
		user.read alice c2c_bob upto=m9
		user.read alice c2c_bob upto_at=5 => ignored
		user.message alice id=m1 from=bob at=9 thread=t
		user.read alice c2c_bob upto_at=5 => ignored
		user.read alice c2c_bob thread=t => receipt to bob m1@60 in t v6
		user.revoke alice id=m1 from=bob
		user.unread alice c2c_bob from=m1
		list alice => 5: c2c_bob 5 marked
		thread alice c2c_bob => 5
		user.read alice c2c_bob main upto=m1
		list alice => 0: c2c_bob 0`},
	{"carried", "own advance ends it, keep does not", `
		user.import alice c2c_bob unread=5 c2c_carol unread=5
		user.sent alice id=m1 to=bob
		list alice => 10: c2c_bob 5; c2c_carol 5
		policy advance
		user.sent alice id=m1 to=carol
		list alice => 5: c2c_carol 0 read=m1@40; c2c_bob 5`},
}
