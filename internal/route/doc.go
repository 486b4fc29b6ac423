// Package route finds paths over a graph: the cheapest by a stated cost, one path or several parts at once. It is pure.
//
// A View is a graph with what is known beyond it: channels that are not announced, other terms, what payments showed
// about liquidity, what is in flight. A Finder looks for paths over a View, backwards from the payee, because fees are
// asked of the amount that goes on.
//
// # The cost
//
// The cost of a path is in msat, and counts up from the payee, where it is the amount. A hop over a channel adds
//
//	fee     fee_base + cost so far * fee_ppm / 1,000,000
//	risk    amount * cltv_expiry_delta * riskfactor / 5,259,600    (riskfactor: percent a year)
//	chance  (AttemptBase + amount * AttemptPPM / 1,000,000) * (-log2 P + 1/64)
//
// all of it times 2^(-bias/10). P is the probability that the channel can carry the amount now: it has between L and U,
// each amount as likely as any other, so P = (U+1-amount) / (U+1-L), and 1 up to L. L is 0 and U the capacity, unless
// more is known; what is in flight is taken off both. A halving of the chance is worth AttemptBase + AttemptPPM, and
// each hop has 1/64 of that for its own sake: it may be away.
//
// Every term grows with the cost so far, or does not depend on it. So Dijkstra's search is exact for it: no path is
// cheaper, among those whose channels have room for the amount and the dearest fee (a path for which the fee itself
// decides whether there is room may be missed, but is looked for if there is no other). With risk and chance left
// out, the cost is exactly what the payer sends.
package route
