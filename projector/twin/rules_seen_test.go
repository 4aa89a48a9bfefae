package twin

// seenRules are the rules of group receipts and of expiry.
var seenRules = []struct{ rule, name, script string }{
	{"seen", "reads after the policy, that are not private and move", `
		group.join team users=alice,bob,carol
		group.message team id=g1 from=alice
		user.read bob group_team
		counts alice team g1 => reddot does not answer
		policy members
		counts alice team g1 => g1 0/2
		user.read bob group_team => ignored
		group.message team id=g2 from=alice
		user.read carol group_team private
		user.read carol group_team => ignored
		counts alice team g1,g2,g9,g1 => g1 0/2; g2 0/2
		user.read bob group_team
		group.message team id=g3 from=alice
		user.read carol group_team upto=g3
		counts alice team g1,g2,g3 => g1 2/2; g2 2/2; g3 1/2
		user.unread bob group_team from=g1
		user.delete carol group_team
		counts alice team g1,g3 => g1 2/2; g3 1/2`},
	{"seen", "sending, delete, clear and advance give none", `
		policy members advance
		group.join team users=alice,bob,carol,dave
		group.message team id=g1 from=alice
		group.message team id=g2 from=bob
		user.delete carol group_team
		user.clear dave group_team
		counts alice team g1 => g1 0/3
		user.read bob group_team => ignored
		group.message team id=g3 from=carol
		user.read bob group_team
		counts alice team g1,g2 => g1 1/3; g2 0/3`},
	{"seen", "of a thread, and of the main timeline only", `
		policy members
		group.join team users=alice,bob,carol
		group.message team id=g1 from=alice
		group.message team id=t1 from=alice thread=g1
		group.message team id=g2 from=alice
		user.read bob group_team thread=g1
		user.read carol group_team main
		counts alice team g1,t1,g2 => g1 1/2; t1 1/2; g2 1/2
		readers alice team t1 => 1/2: bob@60
		readers alice team g2 => 1/2: carol@70
		user.read bob group_team upto=g1
		counts alice team g1,t1,g2 => g1 2/2; t1 1/2; g2 1/2`},
	{"read-by", "who joined before and has not left since", `
		policy members
		group.join team users=alice,bob,carol
		group.message team id=g1 from=alice silent
		group.join team users=dave
		group.message team id=g2 from=bob
		user.read bob group_team
		user.read dave group_team
		counts alice team g1,g2 => g1 1/2; g2 1/3
		readers alice team g1 unread => 1/2: carol@0
		readers bob team g2 => 1/3: dave@70
		group.leave team users=bob,dave
		group.join team users=dave
		counts alice team g1,g2 => g1 0/1; g2 0/2
		group.revoke team id=g2
		readers alice team g2 => not found
		counts alice team g1,g2 => g1 0/1`},
	{"read-by", "who may ask", `
		policy sender
		group.join team users=alice,bob
		group.message team id=g1 from=alice
		group.message team id=x1 from=eve
		counts bob team g1 => forbidden
		counts bob team g1,g9 => forbidden
		counts bob team g9 =>
		readers bob team g9 => not found
		counts eve team x1 => x1 0/2
		policy members
		group.join team users=late
		counts bob team g1,x1 => g1 0/1; x1 0/2
		counts late team g1 =>
		readers late team g1 => not found
		counts eve team x1 => x1 0/2
		counts eve team x1,g1 => forbidden
		readers eve team g9 => forbidden
		policy off
		counts alice team g1 => reddot does not answer`},
	{"read-by", "purged ones have no readers", `
		policy members
		group.join team users=alice,bob
		group.message team id=g1 from=alice
		group.message team id=g2 from=alice
		user.read bob group_team
		group.purge team before=g2
		counts alice team g1,g2 => g2 1/1
		readers alice team g1 => not found`},
	{"receipts-sent", "when a read raises N", `
		policy members
		group.join team users=alice,bob,carol
		group.message team id=g1 from=alice receipt
		group.message team id=g2 from=alice
		group.message team id=g3 from=eve receipt
		user.read bob group_team upto=g2 => to alice: g1 of team 1/2
		user.read bob group_team => to eve: g3 of team 1/3
		user.read carol group_team private
		user.read alice group_team => to eve: g3 of team 2/3
		group.message team id=g4 from=alice receipt
		user.read carol group_team upto=g5
		group.message team id=g5 from=alice receipt => to alice: g1 of team 2/2; to alice: g4 of team 1/2; to alice: g5 of team 1/2; to eve: g3 of team 3/3
		group.revoke team id=g4
		user.read bob group_team => to alice: g5 of team 2/2`},

	{"clock", "and nothing else; it never goes back", `
		user.message alice id=m1 from=bob expires=1000
		user.message alice id=m2 from=bob expires=2000
		clock at=999 => ignored
		list alice => 2: c2c_bob 2 first=m1
		clock at=1000
		clock at=500 => ignored
		clock at=1000 => ignored
		list alice => 1: c2c_bob 1 first=m2
		versions alice => 4; c2c_bob 4
		user.message alice id=m3 from=bob expires=1000
		last alice => c2c_bob m3 from bob@70 revoked
		list alice => 1: c2c_bob 1 first=m2
		user.message alice id=m4 from=bob expires=1001
		list alice => 2: c2c_bob 2 first=m2`},
	{"expire", "as a revoke", `
		group.join team users=alice,bob,carol
		group.message team id=g1 from=bob mentions=alice expires=1000
		group.message team id=g2 from=bob
		user.read carol group_team
		clock at=1000
		list alice => 1: group_team 1 first=g2
		versions carol => 4; group_team 4
		group.revoke team id=g1 => ignored
		group.edit team id=g1 all => ignored
		policy members
		readers bob team g1 => not found
		group.message team id=g3 from=bob expires=2000
		user.read alice group_team
		clock at=3000
		last alice => group_team g3 from bob@90 revoked
		versions alice => 11; group_team 11`},
}
