print("dmq-metadata")
