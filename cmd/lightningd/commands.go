package main

import (
	"sync"

	"fulmen/internal/command"
)

// commands is the table of all RPC commands of lightningd's own.
func (n *node) commands() *command.Table { return n.commandTable() }

// newCommandTable makes the table once; its entries need the node only when they run.
func (n *node) newCommandTable() func() *command.Table {
	return sync.OnceValue(func() *command.Table {
		t := command.NewTable()
		t.Add(
			n.pluginCommand(), n.sendCustomMsgCommand(),
			n.getInfoCommand(), n.stopCommand(), n.gracefulCommand(), n.getLogCommand(), n.listConfigsCommand(), n.waitBlockHeightCommand(),
			n.connectCommand(), n.disconnectCommand(), n.listPeersCommand(), n.pingCommand(),
			n.fundChannelCommand(), n.multiFundChannelCommand(),
			n.fundChannelStartCommand(), n.fundChannelCompleteCommand(), n.fundChannelCancelCommand(),
			n.closeCommand(), n.setChannelCommand(), n.listPeerChannelsCommand(), n.listClosedChannelsCommand(),
			n.listForwardsCommand(), n.listHTLCsCommand(), n.delForwardCommand(), n.listChainMovesCommand(), n.listChannelMovesCommand(),
			n.invoiceCommand(), n.createInvoiceCommand(), n.signInvoiceCommand(), n.preapproveInvoiceCommand(), preapproveKeysendCommand(), n.listInvoicesCommand(), n.delInvoiceCommand(), n.waitInvoiceCommand(),
			n.waitAnyInvoiceCommand(), n.decodeCommand(),
			n.sendPayCommand(), n.createOnionCommand(), n.sendOnionCommand(), n.injectCommand(), n.waitSendPayCommand(), n.listSendPaysCommand(), n.listPaysCommand(), n.delPayCommand(),
			n.signMessageCommand(), n.checkMessageCommand(),
			n.addGossipCommand(),
		)
		t.Add(n.walletCommands()...)
		t.Add(n.datastoreCommands()...)
		t.Add(n.runeCommands()...)
		t.Add(
			n.waitCommand(), n.makeSecretCommand(), n.signMessageWithKeyCommand(), n.setConfigCommand(),
			batchingCommand(), deprecationsCommand(), setPSBTVersionCommand(),
		)
		t.Add(n.staticCommands()...)
		if n.plugins != nil { // of a table for its documentation alone
			t.SetOthers(pluginCommands{n.plugins})
		}
		return t
	})
}
