"""No end is lost: the real ledger, announcer and filters, on a bus that refuses and with processes that are killed."""
