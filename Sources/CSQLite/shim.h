#pragma once
#include <sqlite3.h>

// Swift does not import variadic functions.
static inline int dmq_sqlite3_set_checkpoint_on_close(sqlite3 *database, int isOn) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !isOn, (int *)0);
}
