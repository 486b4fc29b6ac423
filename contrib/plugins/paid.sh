#!/bin/sh
# An example of a plugin in shell: it writes a line to the node's log for each invoice that is paid. A message
# comes on a line of its own; sed takes the id and the method out of it, which is enough for this.
#
#   lightning-cli plugin start $PWD/paid.sh

answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n\n' "$1" "$2"; }

while read -r line; do
	id=$(printf '%s' "$line" | sed -n 's/.*"id":\("[^"]*"\|[0-9]*\),"method".*/\1/p')
	method=$(printf '%s' "$line" | sed -n 's/.*"method":"\([^"]*\)".*/\1/p')
	case $method in
	getmanifest) answer "$id" '{"dynamic":true,"options":[],"rpcmethods":[],"subscriptions":["invoice_payment"]}' ;;
	init) answer "$id" '{}' ;;
	invoice_payment)
		msat=$(printf '%s' "$line" | sed -n 's/.*"msat":\([0-9]*\).*/\1/p')
		printf '{"jsonrpc":"2.0","method":"log","params":{"level":"info","message":"paid: %s msat"}}\n\n' "$msat"
		;;
	esac
done
