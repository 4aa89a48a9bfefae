// Package view computes what users are shown from the rows of one applied
// position: conversations, totals, explanations, receipts. It is pure, like
// the fold whose rows it reads.
//
// Totals are never stored: they are summed from the same rows as the
// conversations, so that a badge and a list cannot disagree (rule total).
package view
