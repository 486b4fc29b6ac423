// Command wiregen writes the codecs of package wire from the BOLTs' message definitions.
//
//	wiregen [-test] [-index file] definitions.csv...
//
// Each definitions.csv becomes definitions_gen.go beside it (definitions_gen_test.go with -test),
// and -index names the file that gets the table of all message types in them. A line is one of
//
//	msgtype,MESSAGE,NUMBER             msgdata,MESSAGE,FIELD,TYPE,COUNT
//	tlvtype,STREAM,RECORD,NUMBER       tlvdata,STREAM,RECORD,FIELD,TYPE,COUNT
//	subtype,NAME                       subtypedata,NAME,FIELD,TYPE,COUNT
//
// where COUNT is empty, a number, the field that holds it, or "..." for all that is left. A message
// ends with the stream that its last field names, or with the stream called MESSAGE_tlvs. Every
// stream is the end of some message.
//
// names.go has what the definitions do not say: how words are spelled in Go, and which numbers are
// amounts, heights or fee rates.
package main
