// What the Glibc module does not export: epoll, accept4, eventfd, mallopt, sync_file_range.
#pragma once
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

// <sys/socket.h> declares accept4 only under _GNU_SOURCE, which Swift's importer does not set; and including it here would
// make this module the owner of types that others know from Glibc.
static inline int clinux_accept4(int descriptor, void *address, unsigned int *length, int flags) {
    extern int accept4(int, void *, unsigned int *, int);
    return accept4(descriptor, address, length, flags);
}

// Also declared under _GNU_SOURCE only. Begins to write a range of a file's pages out, and waits until that is done.
static inline int clinux_write_out(int descriptor, long long offset, long long count) {
    extern int sync_file_range(int, long long, long long, unsigned int);
    return sync_file_range(descriptor, offset, count, 1 | 2 | 4);
}
