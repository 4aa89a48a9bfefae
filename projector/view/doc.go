// Package view computes what users are shown from the rows of one applied
// position: conversations, totals, explanations, receipts. It is pure, like
// the fold whose rows it reads.
//
// Totals are never stored: they are summed from the same summaries as the
// conversations, so that a badge and a list cannot disagree (rule total). A summary
// (fold.Summary) is derived from rows as well; a store keeps those of a list until a row
// that they depend on changes.
package view
