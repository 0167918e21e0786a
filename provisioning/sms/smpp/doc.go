// Package smpp sends SMS through a message centre that speaks SMPP 3.4: one transceiver bind that is kept up with
// enquire_link and bound again when it falls, submit_sm with delivery receipts asked for, deliver_sm for the receipts.
//
// Text. GSM 03.38 (one octet a character, data_coding 0) when every character has a place there, else UCS-2 (8). What is
// longer than one SMS is split, by a user data header or by the SAR parameters, never inside a character. Receipts. The id
// is the parameter receipted_message_id, or the one in the text; centres write the same id in hexadecimal in the answer
// and in decimal in the receipt, so a receipt names every form it may have had. Throttling (ESME_RTHROTTLED, a full queue)
// is told apart from a refusal.
//
// Limits: 10 submissions on their way at once, a PDU has at most 64 KiB, an answer is waited for 30 s. No SMS are
// received: what is no receipt is acknowledged and dropped.
package smpp
