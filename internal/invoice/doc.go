// Package invoice is the invoice of BOLT 11 as a string: encoding, decoding and checking it. The key
// that signs is elsewhere and comes as a function. Whether to accept or to pay is not decided here.
package invoice
