// What the Glibc module does not export: epoll, accept4, eventfd, mallopt.
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
