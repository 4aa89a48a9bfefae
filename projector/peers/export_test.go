package peers

// Spreads is how long others may take to hear of a reddot.
const Spreads = spreads
