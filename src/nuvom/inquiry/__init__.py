"""What became of a schedule's times: `audit` compares them with the ledger, `why` follows one of them."""
