package natsconn

// UnreadableURL stands for URLs that can't be shown.
const UnreadableURL = unreadableURL

// ParseURLs reads URLs separated by commas.
var ParseURLs = parseURLs
