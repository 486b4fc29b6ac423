// Command lightning-cli sends one command to lightningd and prints the reply.
//
//	lightning-cli [OPTION]... COMMAND [PARAMETER]...
//
// Parameters are positional, or all NAME=VALUE. What is a JSON number, true, false, null, array, object
// or string is sent as that, anything else as a string.
//
// Started by people and scripts; speaks to the socket lightning-rpc, reads no file, keeps no state.
// Exit status: 0 the command succeeded, 1 lightningd answered with an error, 2 it could not be
// reached, 3 wrong usage.
package main
