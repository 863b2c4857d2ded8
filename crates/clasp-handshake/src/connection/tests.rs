//! Tests of whole connections, in memory.
