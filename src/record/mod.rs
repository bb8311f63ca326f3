//! Record batches as bytes: header views, record iteration, codecs and validation.
