package interop

// kinds are all that we know to start.
var kinds = []Kind{lndKind, ldkKind}
