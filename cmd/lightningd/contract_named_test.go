package main

import (
	"slices"
	"strings"
	"testing"
)

// promised are the commands that this node sets out to have, in the order in which they came, each group with what
// it is for. One that is missing is a promise broken, and no reason in docs/compatibility.md makes up for it.
var promised = []struct{ what, commands string }{
	{"a node that pays, end to end", `getinfo help stop check newaddr listaddresses listfunds withdraw fundpsbt utxopsbt reserveinputs unreserveinputs
		signpsbt sendpsbt txprepare txsend txdiscard listtransactions feerates parsefeerate connect disconnect listpeers listpeerchannels
		listclosedchannels fundchannel close setchannel ping invoice listinvoices delinvoice waitinvoice waitanyinvoice decode createinvoice
		sendpay waitsendpay listsendpays pay listpays delpay waitblockheight signmessage checkmessage getlog listconfigs`},
	{"routes over the public network", `getroute getroutes listchannels listnodes askrene-age askrene-bias-channel askrene-bias-node
		askrene-create-channel askrene-create-layer askrene-disable-node askrene-inform-channel askrene-listlayers askrene-listreservations
		askrene-remove-channel-update askrene-remove-layer askrene-reserve askrene-unreserve askrene-update-channel`},
	{"forwarding, and paying anybody", `listforwards delforward listhtlcs xpay keysend xkeysend sendamount paystatus`},
	{"accounts of what the chain takes and gives", `listchainmoves listchannelmoves`},
	{"plugins", `plugin notifications batching deprecations sendcustommsg setconfig`},
	{"what plugins and clients keep and wait for", `datastore listdatastore deldatastore datastoreusage wait`},
	{"payments of a client's own making", `createonion sendonion injectpaymentonion makesecret signmessagewithkey`},
	{"a node that is away for longer", `graceful`},
	{"old entries", `autoclean-status autoclean-once`},
	{"questions over all lists", `sql listsqlschemas`},
	{"books of what came and what it cost", `bkpr-listbalances bkpr-listincome bkpr-listaccountevents bkpr-inspect bkpr-channelsapy bkpr-dumpincomecsv bkpr-report
		bkpr-editdescriptionbyoutpoint bkpr-editdescriptionbypaymentid`},
	{"leave for others to run commands", `createrune showrunes checkrune blacklistrune commando`},
	{"backups of channels", `emergencyrecover staticbackup getemergencyrecoverdata recoverchannel`},
	{"several at once, and funds from other wallets", `multiwithdraw multifundchannel fundchannel_start fundchannel_complete fundchannel_cancel setpsbtversion`},
}

// withoutSchema are commands of these that have no schema of their own among the published: one is no longer there, one
// is a template.
var withoutSchema = []string{"paystatus", "sql"}

// checkPromised fails for each command of promised that is not among the valid ones.
func checkPromised(t *testing.T, valid []string) {
	t.Helper()
	table := allCommands()
	seen := map[string]string{}
	for _, group := range promised {
		for _, name := range strings.Fields(group.commands) {
			if first, twice := seen[name]; twice {
				t.Errorf("%s is promised for %q and for %q", name, first, group.what)
			}
			seen[name] = group.what
			if _, err := table.Lookup(name); err != nil {
				t.Errorf("%s is missing: promised for %q", name, group.what)
			} else if !slices.Contains(valid, name) && !slices.Contains(withoutSchema, name) {
				t.Errorf("%s is not as published: promised for %q", name, group.what)
			}
		}
	}
}
